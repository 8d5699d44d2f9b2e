module spdygate.test/peers/load

go 1.26.0
