//! The hotline, called by programs that others wrote: `sipp` and `baresip`, with `tcpdump` looking on.

mod baresip;
mod capture;
mod line;
mod server;
mod sipp;
pub mod sound;

pub use baresip::{Baresip, Heard};
pub use capture::{Capture, Datagram, Stream, rtp_streams};
pub use line::Line;
pub use server::{Hotline, pick_ports};
pub use sipp::{Action, Scenario, Sipp, SippRun};

use std::process::{Command, Stdio};

/// Whether a program is installed.
pub fn is_installed(program: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}
