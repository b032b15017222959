
acme/api
mainc1t1 (0:0.1.0@J

mainc0t0
Rlogb@j
ap