"""What several tests share: fakes, small data sets, services on loopback and calls to them."""
