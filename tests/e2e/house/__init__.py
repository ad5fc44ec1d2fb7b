"""What the tests are made of: the relay as a process, its books, a real Jaeger, a sink, a proxy, the app and plain clients."""
