-- Matches of the pass uuid that are alike in everything and have no rival on either side.
{{ alike_without_rivals(ref('int_einvoices__uuid_matches')) }}
