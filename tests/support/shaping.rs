//! Wires of a test's own network that carry less, or lose something.

use super::network::{Network, SERVER, interface, run};

/// A queue of so many milliseconds in front of a narrow wire.
const QUEUE_MS: u32 = 200;

impl Network {
    /// From now on the server's datagrams to this port of the people pass at this rate, behind a
    /// queue of 200 ms, or at least 15 kB. All else passes as before.
    pub fn narrow(&self, port: u16, kbps: u32) {
        let device = interface(SERVER);
        let (rate, limit) = (format!("{kbps}kbit"), (kbps / 8 * QUEUE_MS).max(15_000));
        let port = port.to_string();
        for command in [
            "qdisc replace dev DEV root handle 1: htb",
            "class replace dev DEV parent 1: classid 1:2 htb rate RATE burst 3000 cburst 3000",
            "qdisc replace dev DEV parent 1:2 handle 2: bfifo limit LIMIT",
            "filter replace dev DEV parent 1: protocol ip prio 1 handle 800::800 u32 \
             match ip dport PORT 0xffff flowid 1:2",
        ] {
            let words = command.split_whitespace().map(|word| match word {
                "DEV" => device.clone(),
                "RATE" => rate.clone(),
                "LIMIT" => limit.to_string(),
                "PORT" => port.clone(),
                word => word.to_owned(),
            });
            let done = run(self.server.command("tc").args(words));
            done.unwrap_or_else(|error| panic!("{command}: {error}"));
        }
    }

    /// The narrow wire is as wide as before.
    pub fn widen(&self) {
        let device = interface(SERVER);
        let done = run(self
            .server
            .command("tc")
            .args(["qdisc", "del", "dev", &device, "root"]));
        done.expect("the queue can go");
    }

    /// From now on nothing comes to the server from this UDP port of the people.
    pub fn cut_from(&self, port: u16) {
        self.server.rules(&format!(
            "add table inet cut; \
             add chain inet cut in {{ type filter hook input priority 0; }}; \
             add rule inet cut in udp sport {port} drop"
        ));
    }

    /// What was cut is whole again.
    pub fn mend(&self) {
        self.server.rules("delete table inet cut");
    }

    /// From now on so many of a hundred datagrams to this port of the people are lost.
    pub fn lose(&self, port: u16, percent: u8) {
        self.server.rules(&format!(
            "add table inet loss; \
             add chain inet loss out {{ type filter hook output priority 0; }}; \
             add rule inet loss out udp dport {port} numgen random mod 100 < {percent} drop"
        ));
    }
}
