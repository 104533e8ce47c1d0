{{ accepted_pairs(ref('int_einvoices__key_candidates')) }}
