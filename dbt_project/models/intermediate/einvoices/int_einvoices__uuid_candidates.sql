-- Pass uuid: the matches that are not settled, counted field by field.
{{ matches_compared(ref('int_einvoices__uuid_matches'), []) }}
