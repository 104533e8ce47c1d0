{{ accepted_pairs(ref('int_einvoices__uuid_candidates')) }}
