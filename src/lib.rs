//! Tailwater, the OTLP sidecar: takes an app's spans on localhost, decides which traces are worth keeping and delivers
//! those to a collector, with every span accounted for.
//!
//! The modules stand in reading order, which is also import order: each imports only what is declared above it.

pub mod relay;

#[cfg(feature = "sidecar")]
pub mod instruments;

#[cfg(feature = "sidecar")]
pub mod logs;

#[cfg(feature = "sidecar")]
pub mod port;

#[cfg(feature = "sidecar")]
pub mod driver;

#[cfg(feature = "sidecar")]
pub mod receiver;

#[cfg(feature = "sidecar")]
pub mod exporter;

#[cfg(feature = "sidecar")]
pub mod metrics;

#[cfg(feature = "sidecar")]
pub mod admin;

#[cfg(feature = "sidecar")]
pub mod drain;

#[cfg(feature = "demo")]
pub mod sink;

#[cfg(feature = "sidecar")]
pub mod config;

#[cfg(feature = "sidecar")]
pub mod app;

#[cfg(feature = "sidecar")]
pub mod cli;
