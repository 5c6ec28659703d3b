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

/// The tables in which the system counts, by the family of addresses. To make one, it goes through all that it has room
/// for, which takes the better part of a millisecond.
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// What some sockets had no room for.
#[derive(Debug)]
pub(crate) struct Drops {
    sockets: Vec<u64>,
    /// Those that tell of any of them.
    tables: Vec<&'static str>,
}

impl Drops {
    /// Of these sockets. `None` where the system does not tell.
    pub(crate) fn of(sockets: Vec<u64>) -> Option<Self> {
        let tells = |table: &&str| {
            let table = fs::read_to_string(table);
            table.is_ok_and(|table| drops(&table, &sockets).next().is_some())
        };
        let tables: Vec<_> = TABLES.into_iter().filter(tells).collect();
        (!tables.is_empty()).then_some(Self { sockets, tables })
    }

    /// How many datagrams they had no room for so far. `None` where a table can't be read now: less than before would
    /// be told again later.
    pub(crate) fn count(&self) -> Option<u64> {
        let tables = self.tables.iter().map(fs::read_to_string);
        let counts = tables.map(|table| Some(drops(&table.ok()?, &self.sockets).sum::<u64>()));
        counts.sum()
    }
}

/// The last column of those rows whose tenth says which socket they are about.
fn drops(table: &str, sockets: &[u64]) -> impl Iterator<Item = u64> {
    table.lines().skip(1).filter_map(|row| {
        let mut fields = row.split_ascii_whitespace();
        let socket = fields.nth(9)?.parse().ok()?;
        let is_ours = sockets.contains(&socket);
        is_ours.then(|| fields.last()?.parse().ok())?
    })
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
        let of = |sockets: &[u64]| drops(table, sockets).collect::<Vec<_>>();
        assert_eq!(of(&[4711]), [7]);
        assert_eq!(of(&[4711, 4712]), [7, 9]);
        assert!(of(&[1]).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_buffer_that_is_full_shows() {
        let [from, to] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let drops = Drops::of(vec![number(&to).unwrap()]).unwrap();
        assert_eq!(drops.count(), Some(0));
        assert_eq!(drops.tables, TABLES[..1]);
        assert!(Drops::of(vec![0]).is_none());
        socket2::SockRef::from(&to).set_recv_buffer_size(1).unwrap();
        for _ in 0..100 {
            from.send_to(&[0; 1_000], to.local_addr().unwrap()).unwrap();
        }
        assert!(drops.count() > Some(0));
    }
}
