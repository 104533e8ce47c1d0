-- Pass 1: the matches that are neither settled nor paired by UUID, counted field by field.
{{ matches_compared(ref('int_einvoices__key_matches'), ['int_einvoices__uuid_pairs']) }}
