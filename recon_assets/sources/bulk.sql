-- Conversions of usage and cost files, for tens of millions of values: the common spellings are told by cheap tests,
-- all others go the way of conversions.sql. Each macro takes a column, not an expression.

-- A trimmed text; null when there is nothing but white space (all that Unicode calls so).
create or replace temp macro clean_text(t) as case
    when t >= '!' and t < chr(127) then trim(t)
    when t = '' then null
    when not regexp_full_match(
        t, '[\s\x0b\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]*'
    ) then trim(t)
end;

-- Commas that group thousands; a comma that is none of these does not convert (usage_cost_reconciliation.md, rule 12).
create or replace temp macro point_number(t) as case
    when not contains(t, ',') then
        case when regexp_full_match(t, '[+-]?[0-9]+(\.[0-9]{3}){2,}') then replace(t, '.', '') else t end
    when regexp_full_match(t, '[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?') then replace(t, ',', '')
end;

-- Comma decimals, points that group thousands.
create or replace temp macro comma_number(t) as case
    when regexp_full_match(t, '[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?') then replace(replace(t, '.', ''), ',', '.')
    when not contains(t, '.') then replace(t, ',', '.')
    else t
end;

-- Marks that can only be decimal ones: what a file delimited by semicolon or tab is judged by.
create or replace temp macro shows_comma_decimal(t) as
    regexp_full_match(t, '[+-]?[0-9.]*,[0-9]*([eE][+-]?[0-9]+)?')
    and not regexp_full_match(t, '[+-]?[1-9][0-9]{0,2},[0-9]{3}');
create or replace temp macro shows_point_decimal(t) as
    regexp_full_match(t, '[+-]?[0-9,]*\.[0-9]*([eE][+-]?[0-9]+)?')
    and not regexp_full_match(t, '[+-]?[1-9][0-9]{0,2}\.[0-9]{3}');

-- Casting text to DECIMAL(38, 12) costs sixty times as much as to a decimal of 18 digits, which holds nearly all values.
create or replace temp macro quick_decimal(t) as
    case when not (contains(t, ',') or contains(t, '_') or contains(t, 'e') or contains(t, 'E') or contains(t, ' '))
        then case
            when strpos(t, '.') between 1 and 7 and length(t) - strpos(t, '.') <= 12
                then cast(try_cast(t as decimal(18, 12)) as decimal(38, 12))
            when length(t) - strpos(t, '.') <= 6 or (strpos(t, '.') = 0 and length(t) <= 12)
                then cast(try_cast(t as decimal(18, 6)) as decimal(38, 12))
            else try_cast(t as decimal(38, 12))
        end
    end;

create or replace temp macro quick_date(t) as case
    when t < '0' then written_date(t)
    when length(t) = 10 and t[5] = '-' and t[8] = '-' then try_cast(t as date)
    when length(t) = 10 and t[3] = '/' and t[6] = '/' then cast(try_strptime(t, '%m/%d/%Y') as date)
    when length(t) = 20 and t[11:20] = 'T00:00:00Z' then try_cast(t[1:10] as date)
    else written_date(t)
end;

-- The day of an instant in UTC.
create or replace temp macro utc_date(t) as case
    when regexp_full_match(t, '[^ ].{10,}[+-][0-9]{2}:?[0-9]{2}')
        then case when written_date(t) is not null then cast(cast(try_cast(t as timestamptz) as timestamp) as date) end
    else quick_date(t)
end;
