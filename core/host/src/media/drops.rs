//! Datagrams that the system had no room for.
//!
//! It counts them for each socket. `SO_RXQ_OVFL` would tell the same number beside each datagram, and
//! cost something with each; proc(5) tells it to whoever asks, away from the media thread.

use std::fs;
use std::os::fd::AsFd;

/// How the system numbers a socket.
pub(crate) fn number(socket: &impl AsFd) -> Option<u64> {
    Some(rustix::fs::fstat(socket).ok()?.st_ino)
}

/// How many datagrams these sockets had no room for so far. `None` where the system does not tell.
pub(crate) fn of(sockets: &[u64]) -> Option<u64> {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(fs::read_to_string);
    let mut dropped = None;
    for table in tables.into_iter().filter_map(Result::ok) {
        *dropped.get_or_insert(0) += count(&table, sockets);
    }
    dropped
}

/// Adds up the last column of those rows whose tenth says which socket they are about.
fn count(table: &str, sockets: &[u64]) -> u64 {
    let rows = table.lines().skip(1).filter_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let [_, _, _, _, _, _, _, _, _, socket, .., drops] = fields[..] else {
            return None;
        };
        let is_ours = sockets.contains(&socket.parse().ok()?);
        is_ours.then(|| drops.parse::<u64>().ok())?
    });
    rows.sum()
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "real sockets are what is tested")]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn only_the_drops_of_our_sockets_count() {
        let table = "\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  462: 0100007F:2710 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 7
  463: 0100007F:2711 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 9
  464: garbage
";
        assert_eq!(count(table, &[4711]), 7);
        assert_eq!(count(table, &[4711, 4712]), 16);
        assert_eq!(count(table, &[1]), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_buffer_that_is_full_shows() {
        let [from, to] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let sockets = [number(&to).unwrap()];
        assert_eq!(of(&sockets), Some(0));
        socket2::SockRef::from(&to).set_recv_buffer_size(1).unwrap();
        for _ in 0..100 {
            from.send_to(&[0; 1_000], to.local_addr().unwrap()).unwrap();
        }
        assert!(of(&sockets) > Some(0));
    }
}
