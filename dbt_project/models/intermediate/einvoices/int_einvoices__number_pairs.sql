{{ accepted_pairs(ref('int_einvoices__number_candidates')) }}
