"""Who a caller is: keys, credentials that are verified offline, and the guard before every door that workers use."""
