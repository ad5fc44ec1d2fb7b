//! `control:` the door of `tailwater status` and of Drain, on loopback only.

use crate::config::layers::Layered;
use crate::config::problem::Problem;
use crate::config::reference::{Key, Kind};
use std::net::SocketAddr;

/// The control door, as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlConfig {
    /// Where it listens: a loopback address.
    pub listen: SocketAddr,
}

impl ControlConfig {
    /// What was asked for; anything but loopback is a problem.
    pub(super) fn meant(layered: &Layered, problems: &mut Vec<Problem>) -> ControlConfig {
        let listen: SocketAddr = layered.get("control.listen");
        if !listen.ip().is_loopback()
            && let Some(node) = layered.node("control.listen")
        {
            let message =
                format!("`control.listen` is {listen}, which others can reach: whoever can may drain this process");
            problems.push(Problem::at(node.at, message).help("a loopback address, such as \"127.0.0.1:4321\""));
        }
        ControlConfig { listen }
    }
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key {
    path: "control.listen",
    kind: Kind::Address,
    default: Some(r#""127.0.0.1:4321""#),
    doc: "Where `tailwater status` asks and Drain is called; a loopback address, because it changes things.",
}];
