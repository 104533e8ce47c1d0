-- Text to typed values, by the rules of spec/sources.md, spec/warehouse.md and spec/intake.md, 4. NULL where a text does not
-- convert. Macros are expanded where they are used, so each takes a column, not an expression.

-- A trimmed text; null when there is nothing but white space (all that Unicode calls so).
create or replace temp macro clean_text(t) as case
    when t >= '!' and t < chr(127) then trim(t)
    when t = '' then null
    when not regexp_full_match(
        t, '[\s\x0b\x1c-\x1f\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}]*'
    ) then trim(t)
end;

-- One mark is decimal, the other only groups thousands, in threes; no group begins a number with 0: 0,012 is a fraction.
create or replace temp macro point_number(t) as case
    when not contains(t, ',') then
        case when regexp_full_match(t, '[+-]?[1-9][0-9]{0,2}(\.[0-9]{3}){2,}') then replace(t, '.', '') else t end
    when regexp_full_match(t, '[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?') then replace(t, ',', '')
end;
create or replace temp macro comma_number(t) as case
    when regexp_full_match(t, '[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+(,[0-9]*)?') then replace(replace(t, '.', ''), ',', '.')
    when not contains(t, '.') then replace(t, ',', '.')
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

-- A time behind a day: with seconds or without, a fraction after point or comma, 12-hour clocks, zones.
create or replace temp macro time_form() as
    '((T| +)([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?( ?[AaPp]\.?[Mm]\.?)?( ?([Zz]|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?))?)?';
create or replace temp macro compact_form() as
    '(T?([01][0-9]|2[0-3])[0-5][0-9]([0-5][0-9]([.,][0-9]{1,9})?)?( ?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?))?)?';

-- The day as it is written: ISO 8601 with - or /, MM/DD/YYYY, M/D/YYYY, with a time or without.
create or replace temp macro iso_day(t) as case
    when regexp_full_match(t, '([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}/[0-9]{2}/[0-9]{2})' || time_form())
        then try_cast(replace(t[1:10], '/', '-') as date)
    when regexp_full_match(t, '[0-9]{8}' || compact_form()) then cast(try_strptime(t[1:8], '%Y%m%d') as date)
end;
create or replace temp macro written_date(t) as case
    when regexp_full_match(t, '[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}' || time_form())
        then cast(try_strptime(regexp_extract(t, '^[0-9/]+'), '%m/%d/%Y') as date)
    else iso_day(t)
end;

-- Dates whose order of day and month was decided; a day count of Excel.
create or replace temp macro is_split_date(t) as
    regexp_full_match(t, '[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{4}' || time_form());
create or replace temp macro split_day(t) as translate(regexp_extract(t, '^[0-9/.-]+'), '.-', '//');
create or replace temp macro excel_day(t) as case
    when regexp_full_match(t, '[1-9][0-9]{4}(\.[0-9]+)?') then date '1899-12-30' + cast(t[1:5] as integer)
end;
create or replace temp macro day_first_date(t) as case
    when is_split_date(t) then cast(try_strptime(split_day(t), '%d/%m/%Y') as date)
    else coalesce(iso_day(t), excel_day(t))
end;
create or replace temp macro month_first_date(t) as case
    when is_split_date(t) then cast(try_strptime(split_day(t), '%m/%d/%Y') as date)
    else coalesce(iso_day(t), excel_day(t))
end;

-- The two dates that mean "none" (subscription_reconciliation.md, 5.7).
create or replace temp macro is_no_date(d) as d in (date '0001-01-01', date '9999-12-31');

-- Parts of an instant: day, hour, minute, second, fraction, half of a 12-hour clock, zone. Compact forms get their marks.
create or replace temp macro spaced_instant(t) as case
    when regexp_full_match(t, '[0-9]{8}' || compact_form()) and length(t) > 8 then regexp_replace(
        regexp_replace(t, '^([0-9]{8})T?([0-9]{2})([0-9]{2})', '\1T\2:\3'), '^(.{14})([0-9]{2})', '\1:\2'
    )
    else t
end;
create or replace temp macro instant_parts(t) as regexp_extract(
    t,
    '^([0-9./-]+?)(?:(?:T| +)([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:[.,]([0-9]{1,9}))?)?'
    || '(?: ?([AaPp])\.?[Mm]\.?)?(?: ?([Zz]|UTC|GMT|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?))?)?$',
    ['day', 'hour', 'minute', 'second', 'fraction', 'half', 'zone']
);
create or replace temp macro part_number(t) as coalesce(try_cast(t as integer), 0);
create or replace temp macro clock_hour(hour, half) as case
    when half = '' then part_number(hour)
    when part_number(hour) between 1 and 12 then part_number(hour) % 12 + case when lower(half) = 'p' then 12 else 0 end
end;
create or replace temp macro zone_minutes(zone, minutes_of_none) as case
    when zone = '' then minutes_of_none
    when zone[1] in ('+', '-') then
        (part_number(zone[2:3]) * 60 + part_number(replace(zone[4:], ':', ''))) * case zone[1] when '-' then -1 else 1 end
    else 0
end;
create or replace temp macro fraction_microseconds(t) as cast(rpad(t[1:6], 6, '0') as integer);

-- Years of four digits: beyond them arithmetic overflows, and no reader's language has the instant.
create or replace temp macro within_years(s) as
    case when s between timestamp '0001-01-01' and timestamp '9999-12-30' then s end;

-- The instant, in UTC, of its parts and its day; `minutes` are those of the zone where none is named.
create or replace temp macro instant_of(p, day, minutes) as within_years(
    cast(day as timestamp) + to_hours(clock_hour(p.hour, p.half))
    + to_minutes(part_number(p.minute) - zone_minutes(p.zone, minutes))
    + to_seconds(part_number(p.second)) + to_microseconds(fraction_microseconds(p.fraction))
);
create or replace temp macro as_timestamp(t) as instant_of(
    instant_parts(spaced_instant(clean_text(t))), written_date(instant_parts(spaced_instant(clean_text(t))).day), 0
);

-- Identifiers as they are compared: NFKC, upper case, blanks trimmed and collapsed. Plain ASCII needs no Python.
create or replace temp macro normal_text(t) as case
    when regexp_full_match(t, '[ -~]*') then nullif(upper(trim(regexp_replace(t, ' +', ' ', 'g'))), '')
    else nullif(normal_unicode(t), '')
end;
