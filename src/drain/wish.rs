//! Who wants us to leave: the system by SIGTERM, a person by SIGINT, or the control service.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// `control.Drain`.
    Control,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Asked::Terminate => "SIGTERM",
            Asked::Interrupt => "SIGINT",
            Asked::Control => "control.Drain",
        })
    }
}

/// Waits for somebody to ask. From its making on, the signals end the process no more by themselves.
#[derive(Debug)]
pub struct Wish {
    terminate: Signal,
    interrupt: Signal,
    control: Arc<Notify>,
    /// A signal was heard, the first to ask or not.
    signalled: bool,
}

impl Wish {
    /// Listens to the signals, and to the control service through `control`. Needs a tokio runtime.
    pub fn new(control: Arc<Notify>) -> io::Result<Wish> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Wish { terminate, interrupt, control, signalled: false })
    }

    /// The first who asks.
    pub async fn first(&mut self) -> Asked {
        let asked = tokio::select! {
            _ = self.terminate.recv() => Asked::Terminate,
            _ = self.interrupt.recv() => Asked::Interrupt,
            () = self.control.notified() => Asked::Control,
        };
        self.signalled = asked != Asked::Control;
        asked
    }

    /// A second signal, which means: at once. A second `Drain` does not; it may be a retry. Nor does the first signal after
    /// a `Drain`: a pod that was drained before it is ended gets it in any case.
    pub async fn second(&mut self) {
        if !self.signalled {
            self.signal().await;
            self.signalled = true;
        }
        self.signal().await;
    }

    async fn signal(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn drain_is_a_first_wish_and_never_a_second() {
        let control = Arc::new(Notify::new());
        let mut wish = Wish::new(control.clone()).unwrap();
        control.notify_one();
        assert_eq!(wish.first().await, Asked::Control);
        control.notify_one();
        let hurried = tokio::time::timeout(Duration::from_millis(20), wish.second()).await;
        assert!(hurried.is_err(), "a second Drain must not end the process at once");

        raise("TERM");
        let hurried = tokio::time::timeout(Duration::from_millis(300), wish.second()).await;
        assert!(hurried.is_err(), "SIGTERM after a Drain is the first signal");
        raise("INT");
        let hurried = tokio::time::timeout(Duration::from_secs(10), wish.second()).await;
        assert!(hurried.is_ok(), "a second signal ends it at once");
    }

    /// Sends a signal to this process, which listens to it by now.
    fn raise(signal: &str) {
        let process = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", signal, &process]).status().unwrap();
        assert!(sent.success());
    }
}
