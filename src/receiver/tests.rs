//! The receiver behind real sockets on loopback: what each kind of call is answered, and what it leaves behind.

mod fake;
mod grpc;
mod http;
mod lifetime;
