-- Left total plus steps is the right total, exactly, per month and currency.
{{ waterfall_that_does_not_foot('subscriptions') }}
