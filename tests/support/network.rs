//! Networks that a test makes of its own: namespaces of Linux, wires between them, firewalls and
//! routers inside. All of it is gone when it is dropped.
//!
//! ```text
//!  the test ── control wire ──┐
//!                           people ═══ wire ═══ … ═══ server
//! ```
//! Nobody but the test uses the control wire: WebDriver is at its other end.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output};

/// The server's address in a flat network.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
pub(super) const PEOPLE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// Where people are who have moved.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 3);

/// Behind one router the server, behind another the people.
pub const OFFICE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The people's router.
pub const HOME: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The server's address behind its router.
pub const INSIDE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Networks 10.213.N.0/30 for control wires: so many tests at once.
const CONTROLS: u8 = 64;

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    fn new(name: String) -> Result<Self, String> {
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        // Interfaces get their IPv6 addresses seconds after they are there; Chromium takes that for a
        // change of network, and gives up what it is loading.
        let mut quiet = namespace.command("sysctl");
        let all = ["all", "default"].map(|which| format!("net.ipv6.conf.{which}.disable_ipv6=1"));
        run(quiet.args(["-e", "-q", "-w"]).args(all))?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// A command that runs a program inside.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]);
        command.arg(program.as_ref());
        command
    }

    fn ip(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-n", self.name.as_str()], arguments].concat())
    }

    /// Adds rules to its firewall (nftables).
    pub(super) fn rules(&self, rules: &str) {
        let done = run(self.command("nft").arg(rules));
        done.unwrap_or_else(|error| panic!("{rules}: {error}"));
    }

    fn forward(&self) {
        let mut command = self.command("sysctl");
        let done = run(command.args(["-q", "-w", "net.ipv4.ip_forward=1"]));
        done.expect("a namespace may become a router");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What runs inside was ended by its owner; the wires go with it.
        let _ = ip(&["netns", "del", &self.name]);
    }
}

/// People and a server, and what is between them.
#[derive(Debug)]
pub struct Network {
    /// Where the server runs.
    pub server: Namespace,
    /// Where the people are.
    pub people: Namespace,
    routers: Vec<Namespace>,
    control: Control,
}

/// The wire between the test and the people.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    name: String,
    test: Ipv4Addr,
    /// The people's end.
    pub(crate) people: Ipv4Addr,
}

impl Control {
    /// Who may speak to what listens at the people's end.
    pub(crate) fn test(&self) -> Ipv4Addr {
        self.test
    }
}

impl Network {
    /// One wire between both. `None`, said loudly, where the kernel allows no namespaces.
    pub fn flat() -> Option<Self> {
        let network = Self::begin()?;
        let ends = [(&network.server, SERVER), (&network.people, PEOPLE)];
        wire(ends);
        Some(network)
    }

    /// Two routers between both that translate addresses (NAT): what the server's gets on this UDP
    /// port, the one behind it and this TCP port goes to the server.
    pub fn behind_routers(udp: u16, tcp: u16) -> Option<Self> {
        let mut network = Self::begin()?;
        let name = &network.control.name;
        let routers = ["office", "home"].map(|place| {
            let router = Namespace::new(format!("{name}-{place}")).expect("another namespace");
            router.forward();
            router
        });
        let [office, home] = &routers;
        let (office_inside, home_inside) =
            (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(192, 168, 7, 1));
        wire([(&network.server, INSIDE), (office, office_inside)]);
        wire([
            (&network.people, Ipv4Addr::new(192, 168, 7, 2)),
            (home, home_inside),
        ]);
        wire([(office, OFFICE), (home, HOME)]);
        for (inside, router) in [
            (&network.server, office_inside),
            (&network.people, home_inside),
        ] {
            let way = ["route", "add", "default", "via", &router.to_string()];
            inside.ip(&way).expect("a default route");
        }
        let last = udp + 1;
        let to_server = format!(
            "add chain ip nat in {{ type nat hook prerouting priority -100; }}; \
             add rule ip nat in ip daddr {OFFICE} udp dport {udp}-{last} dnat to {INSIDE}; \
             add rule ip nat in ip daddr {OFFICE} tcp dport {tcp} dnat to {INSIDE}"
        );
        for (router, outside) in [(office, OFFICE), (home, HOME)] {
            router.rules(&format!(
                "add table ip nat; \
                 add chain ip nat out {{ type nat hook postrouting priority 100; }}; \
                 add rule ip nat out oifname {} masquerade",
                interface(outside)
            ));
        }
        office.rules(&to_server);
        network.routers = routers.into();
        Some(network)
    }

    fn begin() -> Option<Self> {
        let name = format!("tsuji-{}", std::process::id());
        let server = match Namespace::new(format!("{name}-server")) {
            Ok(server) => server,
            Err(error) => {
                eprintln!(
                    "SKIPPED: this kernel allows no network namespaces here, so this network was \
                     not tried: {error}"
                );
                return None;
            }
        };
        let people = Namespace::new(format!("{name}-people")).expect("another namespace");
        let control = control(&people, name);
        Some(Self {
            server,
            people,
            routers: Vec::new(),
            control,
        })
    }

    /// Outside of the office: the people's router, which has [`HOME`].
    pub fn outside(&self) -> &Namespace {
        self.routers.last().expect("a network behind routers")
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// From now on no UDP passes between people and server.
    pub fn block_udp(&self) {
        self.wall("meta l4proto udp drop", "meta l4proto udp drop");
    }

    /// From now on nothing passes but TCP to these ports of the server.
    pub fn block_all_but_tcp(&self, ports: &[u16]) {
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        let ports = ports.join(", ");
        self.wall(
            &format!(
                "tcp dport != {{ {ports} }} drop; add rule inet wall in meta l4proto != tcp drop"
            ),
            &format!(
                "tcp sport != {{ {ports} }} drop; add rule inet wall out meta l4proto != tcp drop"
            ),
        );
    }

    /// The people's network changes: another address, and the one before is gone.
    pub fn move_people(&self) {
        let device = interface(PEOPLE);
        for (verb, address) in [("del", PEOPLE), ("add", ELSEWHERE)] {
            let address = format!("{address}/24");
            let done = self.people.ip(&["address", verb, &address, "dev", &device]);
            done.expect("another address");
        }
    }

    /// From now on no UDP passes between this port of the people and the server, as when a router
    /// has forgotten them. Nobody is told.
    pub fn forget_udp(&self, port: u16) {
        self.wall(
            &format!("udp sport {port} drop"),
            &format!("udp dport {port} drop"),
        );
    }

    /// From now on nothing passes but TLS over TCP to these ports of the server: of a connection's
    /// packets with something in them, those to the server must look like TLS records, or the insides
    /// of them, and never like frames of media.
    pub fn block_all_but_tls(&self, ports: &[u16]) {
        self.block_all_but_tcp(ports);
        // Behind the ports and the header of TCP: `length 00 01 .. .. 21 12 a4 42` (RFC 4571, RFC
        // 8489), and what TURN without TLS begins with. The header has 20 bytes, and 12 of
        // timestamps (RFC 7323).
        for cookie in [(32 + 6) * 8, (32 + 4) * 8] {
            self.server.rules(&format!(
                "add rule inet wall in meta l4proto tcp @th,{cookie},32 0x2112a442 counter drop"
            ));
        }
    }

    /// A firewall around the server; what it says to itself is its own business.
    fn wall(&self, on_the_way_in: &str, on_the_way_out: &str) {
        self.server.rules(&format!(
            "add table inet wall; \
             add chain inet wall in {{ type filter hook input priority 0; }}; \
             add chain inet wall out {{ type filter hook output priority 0; }}; \
             add rule inet wall in iifname lo accept; \
             add rule inet wall out oifname lo accept; \
             add rule inet wall in {on_the_way_in}; \
             add rule inet wall out {on_the_way_out}"
        ));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = ip(&["link", "del", &self.control.name]);
    }
}

/// A wire between two namespaces, each end with its address in a /24.
fn wire([(a, a_address), (b, b_address)]: [(&Namespace, Ipv4Addr); 2]) {
    let (one, other) = (interface(a_address), interface(b_address));
    let ends = [
        "link", "add", &one, "netns", &a.name, "type", "veth", "peer",
    ];
    let ends = [&ends[..], &["name", &other, "netns", &b.name]].concat();
    ip(&ends).expect("a wire");
    for (namespace, name, address) in [(a, one, a_address), (b, other, b_address)] {
        let address = format!("{address}/24");
        let plugged = namespace
            .ip(&["address", "add", &address, "dev", &name])
            .and_then(|()| namespace.ip(&["link", "set", &name, "up"]));
        plugged.expect("an end of a wire");
    }
}

/// The name of the interface with this address: short enough, and different from others.
pub(super) fn interface(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("w{a:x}-{b:x}-{c:x}-{d:x}")
}

fn control(people: &Namespace, name: String) -> Control {
    let mut refused = String::new();
    for number in 0..CONTROLS {
        let link = format!("tsujic{number}");
        let (test, there) = (
            Ipv4Addr::new(10, 213, number, 1),
            Ipv4Addr::new(10, 213, number, 2),
        );
        let ends = [
            "link", "add", &link, "type", "veth", "peer", "name", "control", "netns",
        ];
        // Another test may have it.
        if let Err(error) = ip(&[&ends[..], &[&people.name]].concat()) {
            let _ = writeln!(refused, "{error}");
            continue;
        }
        let made = ip(&["address", "add", &format!("{test}/30"), "dev", &link])
            .and_then(|()| ip(&["link", "set", &link, "up"]))
            .and_then(|()| people.ip(&["address", "add", &format!("{there}/30"), "dev", "control"]))
            .and_then(|()| people.ip(&["link", "set", "control", "up"]));
        made.expect("a control wire");
        return Control {
            name: link,
            test,
            people: there,
        };
    }
    panic!("no control wire for {name}: {refused}");
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    run(Command::new("ip").args(arguments)).map(drop)
}

/// What it printed, or what it complained of.
pub(super) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.unwrap_or_else(|error| panic!("{command:?}: {error}; ./test installs it"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    if status.success() {
        Ok(text(stdout))
    } else {
        Err(format!("{command:?}: {}", text(stderr)))
    }
}
