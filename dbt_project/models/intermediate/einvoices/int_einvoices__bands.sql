-- The thresholds of seeds/einvoice_amount_bands.csv as one row.
select
    max(case when amount_band = 'Low' then up_to_myr end) as low,
    max(case when amount_band = 'Medium' then up_to_myr end) as medium,
    max(case when amount_band = 'High' then up_to_myr end) as high
from {{ ref('einvoice_amount_bands') }}
