//! Wires of a test's own network that carry less, or lose something.

use super::network::{Namespace, Network, PEOPLE, SERVER, interface, run};

/// A queue of so many milliseconds in front of a narrow wire.
const QUEUE_MS: u32 = 200;

/// Which way datagrams go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From people to the server.
    Up,
    /// From the server to people.
    Down,
}

impl Direction {
    /// The name of its firewall, and what matches a port of the people.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Up => ("up", "sport"),
            Self::Down => ("down", "dport"),
        }
    }
}

impl Network {
    /// From now on the server's datagrams to this port of the people pass at this rate, behind a
    /// queue of 200 ms, or at least 15 kB. All else passes as before.
    pub fn narrow(&self, port: u16, kbps: u32) {
        self.narrow_in(Direction::Down, port, kbps);
    }

    /// The same, of what goes this way from or to a port of the people.
    pub fn narrow_in(&self, direction: Direction, port: u16, kbps: u32) {
        let (from, device) = self.sender(direction);
        let (rate, limit) = (format!("{kbps}kbit"), (kbps / 8 * QUEUE_MS).max(15_000));
        let port = port.to_string();
        for command in [
            "qdisc replace dev DEV root handle 1: htb",
            "class replace dev DEV parent 1: classid 1:2 htb rate RATE burst 3000 cburst 3000",
            "qdisc replace dev DEV parent 1:2 handle 2: bfifo limit LIMIT",
            "filter replace dev DEV parent 1: protocol ip prio 1 handle 800::800 u32 \
             match ip MATCH PORT 0xffff flowid 1:2",
        ] {
            let words = command.split_whitespace().map(|word| match word {
                "DEV" => device.clone(),
                "RATE" => rate.clone(),
                "LIMIT" => limit.to_string(),
                "MATCH" => direction.words().1.to_owned(),
                "PORT" => port.clone(),
                word => word.to_owned(),
            });
            let done = run(from.command("tc").args(words));
            done.unwrap_or_else(|error| panic!("{command}: {error}"));
        }
    }

    /// The narrow wire is as wide as before.
    pub fn widen(&self) {
        self.widen_in(Direction::Down);
    }

    /// The same, of one way.
    pub fn widen_in(&self, direction: Direction) {
        let (from, device) = self.sender(direction);
        let done = run(from
            .command("tc")
            .args(["qdisc", "del", "dev", &device, "root"]));
        done.expect("the queue can go");
    }

    /// From now on nothing comes to the server from this UDP port of the people.
    pub fn cut_from(&self, port: u16) {
        self.lose_in(Direction::Up, port, 100);
    }

    /// What was cut is whole again.
    pub fn mend(&self) {
        self.mend_in(Direction::Up);
    }

    /// From now on so many of a hundred datagrams to this port of the people are lost.
    pub fn lose(&self, port: u16, percent: u8) {
        self.lose_in(Direction::Down, port, percent);
    }

    /// The same, of what goes this way from or to a port of the people. They are lost where they come in: who
    /// sent them knows nothing of it.
    pub fn lose_in(&self, direction: Direction, port: u16, percent: u8) {
        let (name, side) = direction.words();
        let chance = match percent {
            100.. => String::new(),
            percent => format!("numgen random mod 100 < {percent}"),
        };
        self.receiver(direction).rules(&format!(
            "add table inet {name}; \
             add chain inet {name} in {{ type filter hook input priority 0; }}; \
             add rule inet {name} in udp {side} {port} {chance} drop"
        ));
    }

    /// What was lost this way comes again.
    pub fn mend_in(&self, direction: Direction) {
        let (name, _) = direction.words();
        self.receiver(direction)
            .rules(&format!("delete table inet {name}"));
    }

    fn sender(&self, direction: Direction) -> (&Namespace, String) {
        match direction {
            Direction::Up => (&self.people, interface(PEOPLE)),
            Direction::Down => (&self.server, interface(SERVER)),
        }
    }

    fn receiver(&self, direction: Direction) -> &Namespace {
        match direction {
            Direction::Up => &self.server,
            Direction::Down => &self.people,
        }
    }
}
