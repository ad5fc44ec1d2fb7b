//! What the bench programs share: flags, the OTLP requests they send, how a sink counts them, and the pace of sending.
//! The programs are `load` (asks), `blind` (the floor: copies bytes) and `sink` (answers and counts).

#![forbid(unsafe_code)]

pub mod args;
pub mod count;
pub mod grpc;
pub mod pace;
pub mod template;
