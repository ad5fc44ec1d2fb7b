//! Our bytes against prost: on captured, generated and broken requests both say the same, and what we compose decodes to what went in.

#![allow(clippy::unwrap_used)]

mod difference;
mod laws;
mod mutate;
mod oracle;
mod requests;
mod table;
