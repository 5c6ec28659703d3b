//! What the system grants: buffers and file descriptors.

use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use super::Finding;
use crate::options::Options;
use crate::ports;

/// Descriptors beside those of connections: files, sockets for media, what a runtime needs.
const OTHERS: u64 = 100;

const BUFFERS: &str = "UDP buffers";
const FILES: &str = "open files";

pub(super) fn check(options: &Options) -> [Finding; 2] {
    let limits = options.guards.host_limits();
    let granted = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))
        .map(|socket| ports::ask_for_buffers(&socket, limits.udp_buffer_bytes));
    let descriptors = getrlimit(Resource::Nofile).maximum;
    let wanted = u64::try_from(limits.connections).unwrap_or(u64::MAX);
    [
        buffers(granted.unwrap_or_default(), limits.udp_buffer_bytes),
        files(descriptors, wanted.saturating_add(OTHERS)),
    ]
}

/// `granted`: the smaller of the two buffers, in bytes.
pub(super) fn buffers(granted: usize, asked: usize) -> Finding {
    let kib = granted / 1_024;
    if granted >= asked {
        return Finding::fine(BUFFERS, format!("{kib} KiB are granted"));
    }
    Finding::warning(
        BUFFERS,
        format!(
            "the system grants {kib} KiB of {}: enough for some dozen people. For more: `sysctl -w \
             net.core.rmem_max={asked} net.core.wmem_max={asked}`, and the same in /etc/sysctl.d",
            asked / 1_024
        ),
    )
}

/// `allowed`: how many descriptors a process may have; `None` for as many as it likes.
pub(super) fn files(allowed: Option<u64>, wanted: u64) -> Finding {
    match allowed {
        Some(allowed) if allowed < wanted => Finding::warning(
            FILES,
            format!(
                "this process may have {allowed}, and {wanted} are needed for all connections that \
                 it would take: raise `ulimit -Hn` (LimitNOFILE= in a systemd unit), or lower \
                 --max-connections"
            ),
        ),
        Some(allowed) => Finding::fine(FILES, format!("{allowed} are allowed")),
        None => Finding::fine(FILES, "as many as are needed"),
    }
}
