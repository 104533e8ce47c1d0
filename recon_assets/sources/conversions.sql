-- Text to typed values, by the rules of spec/sources.md and spec/warehouse.md. NULL where a text does not convert.

-- Macros are expanded where they are used, so each takes a column, not an expression: nesting them multiplies their text.

-- A number as plain text. With both marks present the last is the decimal mark; a lone comma is one too, except in
-- comma-delimited files when groups of exactly three digits follow it. A mark that repeats can only group thousands.
create or replace temp macro number_text(t, comma_delimited) as case
    when not contains(t, ',') then
        case when regexp_full_match(t, '[+-]?[0-9]+(\.[0-9]{3}){2,}') then replace(t, '.', '') else t end
    when contains(t, '.') and strpos(reverse(t), '.') < strpos(reverse(t), ',') then replace(t, ',', '')
    when contains(t, '.') then replace(replace(t, '.', ''), ',', '.')
    when comma_delimited and regexp_full_match(t, '[+-]?[0-9]+(,[0-9]{3})+') then replace(t, ',', '')
    when regexp_full_match(t, '[+-]?[0-9]+(,[0-9]{3}){2,}') then replace(t, ',', '')
    else replace(t, ',', '.')
end;

-- Beyond 12 decimals the cast rounds half away from zero. Casting text to a decimal of 38 digits costs sixty times as much
-- as to one of 18, which holds nearly all values.
create or replace temp macro plain_decimal(t) as case
    when regexp_full_match(t, '[+-]?[0-9]{1,12}(\.[0-9]{0,6})?')
        then cast(try_cast(t as decimal(18, 6)) as decimal(38, 12))
    when regexp_full_match(t, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?')
        then try_cast(t as decimal(38, 12))
end;

-- Line-level costs are published as DECIMAL(18, 6): a number that cannot be held there, once rounded, is rejected.
create or replace temp macro within_bounds(n) as case when abs(n) < 999999999999.9999995 then n end;

-- The day as it is written: ISO 8601, MM/DD/YYYY, M/D/YYYY, M/D/YYYY H:MM.
create or replace temp macro written_date(t) as case
    when regexp_full_match(
        t,
        '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?( ?Z|[+-][0-9]{2}:?[0-9]{2})?)?'
    ) then try_cast(t[1:10] as date)
    when regexp_full_match(t, '[0-9]{8}(T[0-9]{4,6}Z?)?') then cast(try_strptime(t[1:8], '%Y%m%d') as date)
    when regexp_full_match(t, '[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}( [0-9]{1,2}:[0-9]{2})?')
        then cast(try_strptime(split_part(t, ' ', 1), '%m/%d/%Y') as date)
end;

-- The two dates that mean "none" (subscription_reconciliation.md, 5.7).
create or replace temp macro is_no_date(d) as d in (date '0001-01-01', date '9999-12-31');

-- An instant, in UTC; a text without an offset is taken as UTC.
-- Years of four digits: beyond them arithmetic overflows, and no reader's language has the instant.
create or replace temp macro within_years(s) as
    case when s between timestamp '0001-01-01' and timestamp '9999-12-30' then s end;
create or replace temp macro as_timestamp(t) as within_years(
    coalesce(cast(try_cast(t as timestamptz) as timestamp), cast(written_date(t) as timestamp))
);

-- Identifiers as they are compared: NFKC, upper case, blanks trimmed and collapsed. Plain ASCII needs no Python.
create or replace temp macro normal_text(t) as case
    when regexp_full_match(t, '[ -~]*') then nullif(upper(trim(regexp_replace(t, ' +', ' ', 'g'))), '')
    else nullif(normal_unicode(t), '')
end;

-- Numbers of a register: one mark is decimal by agreement, the other only groups thousands, in threes.
create or replace temp macro point_number_text(t) as case
    when regexp_full_match(t, '[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?') then replace(t, ',', '') else t
end;
create or replace temp macro comma_number_text(t) as case
    when regexp_full_match(t, '[+-]?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?') then replace(replace(t, '.', ''), ',', '.')
    when contains(t, ',') and not contains(t, '.') then replace(t, ',', '.')
    when not contains(t, '.') then t
end;

-- Dates of a register: ISO 8601, a day count of Excel, or day, month and year in the one order of the file.
create or replace temp macro iso_date(t) as case
    when regexp_full_match(t, '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?') then try_cast(t[1:10] as date)
    when regexp_full_match(t, '[0-9]{8}') then cast(try_strptime(t, '%Y%m%d') as date)
    when regexp_full_match(t, '[1-9][0-9]{4}(\.[0-9]+)?') then date '1899-12-30' + cast(t[1:5] as integer)
end;
create or replace temp macro is_split_date(t) as
    regexp_full_match(t, '[0-9]{1,2}([/.-])[0-9]{1,2}[/.-][0-9]{4}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?');
create or replace temp macro day_first_date(t) as case
    when is_split_date(t) then cast(try_strptime(translate(split_part(t, ' ', 1), '.-', '//'), '%d/%m/%Y') as date)
    else iso_date(t)
end;
create or replace temp macro month_first_date(t) as case
    when is_split_date(t) then cast(try_strptime(translate(split_part(t, ' ', 1), '.-', '//'), '%m/%d/%Y') as date)
    else iso_date(t)
end;
