//! Everything around the protocol that a stranger can fill, or hold open, has its bound here.

use std::time::Duration;

/// The bounds of a server on a machine. What a room, a message or a connection's media may hold is bounded
/// by `tsuji_signaling::Limits` and `tsuji_core::Limits`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// TCP connections that the system keeps until they are accepted. 1,024: a burst of newcomers
    /// while the front is busy.
    pub backlog: i32,
    /// TCP connections of all kinds. 24,000: the WebSockets that the lobby takes (20,000), the
    /// pages below, and those that are just closing. One more is closed at once.
    pub connections: usize,
    /// TCP connections that are no WebSocket (yet). 2,000: a page is loaded within a second. One
    /// more closes the oldest, so that nobody keeps newcomers out by holding connections.
    pub http_connections: usize,
    /// Connections taken from the listener in one turn. 64: a burst of newcomers does not make
    /// the people in their meetings wait.
    pub accepts_per_turn: usize,
    /// How long nothing is accepted after the system refused to. 100 ms: when descriptors have
    /// run out (EMFILE) the listener stays readable, and asking again at once would only burn
    /// processor time.
    pub accept_pause: Duration,
    /// Bytes read from one connection in one turn. 64 KiB: the next one gets its turn within a
    /// millisecond.
    pub read_bytes_per_turn: usize,
    /// Messages taken from one WebSocket in one turn. 32: as above, for small messages.
    pub messages_per_turn: usize,
    /// Bytes that wait to be sent to one WebSocket. 1 MiB: five times the largest offer with all
    /// slots and the messages of a full room; who is further behind is not reading.
    pub send_queue_bytes: usize,
    /// Nothing is read from a connection while more than this waits to be sent to it. 64 KiB:
    /// who asks without reading the answers is the one who waits.
    pub send_queue_pause_bytes: usize,
    /// How long a WebSocket's peer may take no byte of what waits for it. 10 s: longer than any
    /// hiccup that a meeting survives.
    pub send_stall: Duration,
    /// How long a TCP connection that carries media may take to show whose it is. 10 s: as many
    /// checks as ICE needs (RFC 8445, 14), also when the answer is on its way.
    pub media_handshake: Duration,
    /// How long nothing may come from such a connection. 30 s: a browser checks each path that it
    /// may use again at least every 2.5 s (RFC 7675 asks for 5 s), and one that woke up from sleep
    /// makes a new one.
    pub media_idle: Duration,
    /// TCP connections with media from one address. 256: an office of 50 people behind one address
    /// with five paths each.
    pub media_connections_per_address: usize,
    /// Relays in all. 10,000: everybody of a full server has one, which most never use.
    pub relays: usize,
    /// Requests without the right password that a relay answers before it ends the connection. 8: a
    /// browser needs one, to learn the nonce.
    pub relay_refusals: u32,
    /// Bytes a second that a client may send through its relay. 2 MiB: a camera in three sizes and a
    /// screen. What is more is dropped.
    pub relay_bytes_per_second: u64,
    /// Bytes of media that wait for one TCP connection in our memory. 128 KiB: half a second of
    /// two megabits; what is older is of no use to a call, and a frame that finds no room is lost
    /// as a datagram would be.
    pub media_queue_bytes: usize,
    /// Bytes of media that are given to the writing of a TCP connection at once. 16 KiB: what
    /// waits beyond that waits in the queue.
    pub media_write_bytes: usize,
    /// How long a closed connection is kept so that what was sent last arrives. 2 s: closing at
    /// once would make the system throw it away (RST) when the peer still sends.
    pub linger: Duration,
    /// Bytes of the read buffer of one WebSocket. 8 KiB: most messages are below 1 KiB, and a
    /// larger one makes it grow for a moment.
    pub websocket_read_bytes: usize,
    /// Commands or notices that wait in the channel between the two threads. 4,096: all people
    /// of 40 full rooms doing something at once.
    pub queue: usize,
    /// Commands or notices that wait on the sender's side once the channel is full. 65,536: six
    /// for each participant that the core takes. When even that is full the other thread has
    /// been stuck for long; losing one would leave people in a half-dead call, so the server
    /// stops instead, and says so.
    pub queue_backlog: usize,
    /// Commands or notices taken in one turn. 256: then sockets get their turn.
    pub queue_per_turn: usize,
    /// Datagrams taken from one UDP socket in one turn. 64: commands and timers then wait for
    /// less than a millisecond behind a flood.
    pub datagrams_per_turn: usize,
    /// Bytes asked for as send and as receive buffer of a UDP socket. 4 MiB: a keyframe of each
    /// of 100 people at once, while the thread is busy.
    pub udp_buffer_bytes: usize,
    /// Bytes that gather for one UDP socket in one turn before they are sent. 64 KiB: a frame for each
    /// of ten people; more would leave the processor's cache before it goes.
    pub udp_outbox_bytes: usize,
    /// How long a UDP socket is left alone after it failed to receive. 100 ms: an error that
    /// stays would else burn processor time.
    pub udp_pause: Duration,
    /// The shortest time between two log lines about the same trouble. 10 s.
    pub log_interval: Duration,
    /// How long connections have to take their last messages when the server stops. 1 s.
    pub stop_drain: Duration,
    /// When the process ends after it was told to stop, whatever its threads do. 1.8 s: below
    /// the promised 2 s.
    pub stop_total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            backlog: 1_024,
            connections: 24_000,
            http_connections: 2_000,
            accepts_per_turn: 64,
            accept_pause: Duration::from_millis(100),
            read_bytes_per_turn: 64 * 1024,
            messages_per_turn: 32,
            send_queue_bytes: 1024 * 1024,
            send_queue_pause_bytes: 64 * 1024,
            send_stall: Duration::from_secs(10),
            media_handshake: Duration::from_secs(10),
            media_idle: Duration::from_secs(30),
            media_connections_per_address: 256,
            relays: 10_000,
            relay_refusals: 8,
            relay_bytes_per_second: 2 * 1024 * 1024,
            media_queue_bytes: 128 * 1024,
            media_write_bytes: 16 * 1024,
            linger: Duration::from_secs(2),
            websocket_read_bytes: 8 * 1024,
            queue: 4_096,
            queue_backlog: 65_536,
            queue_per_turn: 256,
            datagrams_per_turn: 64,
            udp_buffer_bytes: 4 * 1024 * 1024,
            udp_outbox_bytes: 64 * 1024,
            udp_pause: Duration::from_millis(100),
            log_interval: Duration::from_secs(10),
            stop_drain: Duration::from_secs(1),
            stop_total: Duration::from_millis(1_800),
        }
    }
}
