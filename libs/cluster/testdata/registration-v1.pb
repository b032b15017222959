
acme/apihttps://github.com/acme/api.gitmain	release/*(0