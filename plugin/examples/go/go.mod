module scep-plugin-host

go 1.19
