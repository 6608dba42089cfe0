import checks
