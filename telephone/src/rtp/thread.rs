//! The thread of all calls' sound.

use std::io;
use std::sync::mpsc;
use std::thread::Builder;

use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue,
    ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::{self, Handle};
use tokio_util::sync::CancellationToken;

/// Real-time priority, 1 to 99: above every ordinary thread, far below the kernel's own.
const REAL_TIME: u8 = 10;
/// Where that is not permitted: the crate's scale from 0 to 99 for a nice value of about -15.
const ORDINARY: u8 = 88;

/// Starts it; it ends when `stop` is cancelled.
pub(super) fn start(stop: CancellationToken) -> io::Result<Handle> {
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let (give, handle) = mpsc::sync_channel(1);
    Builder::new().name("media".to_owned()).spawn(move || {
        raise();
        // The receiver is below and waits.
        let _ = give.send(runtime.handle().clone());
        runtime.block_on(stop.cancelled());
    })?;
    handle.recv().map_err(|_| io::Error::other("the media thread ended at once"))
}

/// Raises the priority of this thread as far as the system lets it.
fn raise() {
    let set = |value: u8, policy| {
        let value = ThreadPriorityValue::try_from(value).unwrap_or_default();
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(value), policy)
    };
    let real_time = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let ordinary = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    match set(REAL_TIME, real_time).or_else(|_| set(ORDINARY, ordinary)) {
        Ok(()) => tracing::debug!("the media thread has a raised priority"),
        Err(error) => tracing::warn!(
            %error,
            "the media thread has an ordinary priority: under load, packets of calls will be late; \
             permit it real-time scheduling (CAP_SYS_NICE, or LimitRTPRIO={REAL_TIME} in the systemd unit)"
        ),
    }
}
