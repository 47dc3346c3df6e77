module github.com/meridian-dns/meridian/bench

go 1.26.8

require (
	github.com/maxmind/mmdbwriter v1.2.0
	github.com/meridian-dns/meridian v0.0.0-00010101000000-000000000000
	github.com/miekg/dns v1.1.73
	github.com/oschwald/maxminddb-golang/v2 v2.9.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/dchest/siphash v1.2.3 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
	go4.org/netipx v0.0.0-20231129151722-fdeea329fbba // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/meridian-dns/meridian => ../
