{{ accepted_pairs(ref('int_einvoices__amount_candidates')) }}
