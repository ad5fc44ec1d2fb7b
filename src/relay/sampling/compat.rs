//! Whose rules count where the Collector's documentation and its code differ.

/// In which way policies are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// As documented, and as a person would expect.
    #[default]
    Strict,
    /// As version 0.161 of the Collector does it, bug for bug.
    Otelcol,
}
