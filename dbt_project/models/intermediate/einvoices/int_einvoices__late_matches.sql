{{ accepted_pairs(ref('int_einvoices__late_candidates')) }}
