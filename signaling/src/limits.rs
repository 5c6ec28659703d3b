//! Everything that a stranger can fill has its bound here, with its default and why.

use std::time::Duration;

/// The bounds of one [`Lobby`](crate::Lobby) and of each HTTP [`Exchange`](crate::Exchange).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one WebSocket message, in UTF-8. 128 KiB: twice the largest session description
    /// that the core reads (64 KiB), because JSON escapes each line end of it. For the runtime:
    /// it must not buffer more, and says [`Input::Oversized`](crate::Input::Oversized) instead.
    pub message_bytes: usize,
    /// WebSockets open at once. 20,000: twice what the core holds of participants, so that
    /// people who only look at a room never keep others from entering one.
    pub connections: usize,
    /// WebSockets open at once from one address (for IPv6, from one /64). 2,000: nobody fills the
    /// server from fewer than ten addresses, and a large school behind one address still fits.
    /// Loopback and private addresses are not counted: there everybody may come through one
    /// reverse proxy.
    pub connections_per_address: usize,
    /// Addresses without a connection whose last minute is remembered. 20,000: as many as may be
    /// connected; the one whose minute is over first gives way.
    pub fading_addresses: usize,
    /// Times a minute that people enter a room from one address. 600: a school behind one address
    /// is complete within three minutes, and a program that runs in and out makes 10 connections
    /// a second. Loopback and private addresses are not counted, here and below.
    pub entries_per_minute_per_address: u32,
    /// Rooms created a minute from one address. 60: nobody opens more than one a second.
    pub rooms_per_minute_per_address: u32,
    /// Rooms asked for in a minute from one address that do not exist. 60: people behind one
    /// address mistype rarely; the links of a server that was restarted are tried by all at once.
    pub guesses_per_minute_per_address: u32,
    /// Wrong passwords a minute from one address. 30: a class mistypes its password.
    pub passwords_per_minute_per_address: u32,
    /// Wrong passwords a minute for one room, from wherever. 20: for somebody with many addresses
    /// who knows the room's link, six digits then last for a month, and a room lasts for hours.
    pub passwords_per_minute_per_room: u32,
    /// Bytes of a password. 256: more than anybody types.
    pub password_bytes: usize,
    /// Rooms that exist at once. 5,000: two people in each is all that the core holds.
    pub rooms: usize,
    /// Participants in all rooms together. 10,000: the same as the core's, so that the newcomer
    /// hears it as the answer to its `call`.
    pub participants: usize,
    /// Participants in one room. 100: the same as the core's.
    pub participants_per_room: usize,
    /// Characters of a name, after trimming. 40: what a tile shows.
    pub name_chars: usize,
    /// Rooms that one connection may ask for that do not exist, and passwords that are wrong. 10:
    /// more than anybody mistypes.
    pub guesses: u32,
    /// Messages that one connection may send at once. 100: an answer with all its candidates,
    /// twice over.
    pub message_burst: u32,
    /// Messages a second that refill the burst. 20: nobody clicks faster.
    pub messages_per_second: u32,
    /// Messages over the burst after which the connection is closed; until then each is answered
    /// with an error. 200: a page that repeats itself by mistake learns it from the errors.
    pub excess_messages: u32,
    /// Tiles in one `view`. 100: the same as the core's.
    pub tiles: usize,
    /// Pixels of a side of a tile. 16,384: two screens of 8K side by side.
    pub tile_side: u16,
    /// The shortest time between two views of one page that reach the core; of what is said
    /// meanwhile the last counts. 100 ms: each may give everything that it shows another layer.
    pub view_pause: Duration,
    /// How long problems that one participant reports are the same one. 10 s: somebody presses a button
    /// again.
    pub problem_pause: Duration,
    /// How long reasons gather before they are told together. 100 ms: most tiles that begin to show
    /// somebody then say nothing in between, and nobody waits noticeably.
    pub reasons_pause: Duration,
    /// Time between two pings. 5 s: three of them fit into `silence`.
    pub ping_interval: Duration,
    /// Time without any frame after which a connection counts as dead. 15 s: three pings that were
    /// not answered are no accident.
    pub silence: Duration,
    /// How long somebody whose WebSocket is gone stays in the room, for another one to resume the
    /// stay. 15 s: a phone that changes from Wi-Fi to mobile is back before. None: at once gone.
    pub grace: Duration,
    /// How long a connection may stay without looking at a room or being in one. 10 min: a page
    /// may connect before somebody decides.
    pub roomless: Duration,
    /// How long a room lives that nobody is in and nobody looks at. 10 min: everybody may drop
    /// out and come back with the same link.
    pub empty_room: Duration,
    /// How long the password of a TURN server is good. 24 h: longer than any meeting, whose browsers
    /// use it again when their network changes.
    pub turn_password: Duration,
    /// Bytes of a `Host` that are kept for the address of the relay. 259: a DNS name (RFC 1035,
    /// 2.3.4) and a port.
    pub host_bytes: usize,
    /// Bytes of an HTTP request's head. 16 KiB: browsers stay below 8 with all their cookies.
    pub http_head_bytes: usize,
    /// Header fields of an HTTP request. 64: browsers send about 20.
    pub http_headers: usize,
    /// Bytes of an HTTP request target. 4 KiB: our own stay below 64.
    pub http_target_bytes: usize,
    /// Bytes that may wait in one HTTP connection: one head, and what was pipelined behind it.
    /// 128 KiB: a runtime that reads 64 KiB at a time never gets there.
    pub http_buffer_bytes: usize,
    /// How long a request's head may take. 10 s: slower ones only hold a place.
    pub http_head_timeout: Duration,
    /// How long a connection may wait between two requests. 60 s: what browsers expect.
    pub http_idle_timeout: Duration,
    /// How long the client may take to read one response. 60 s: the largest asset on 2G.
    pub http_write_timeout: Duration,
    /// Requests on one connection. 1,000: a page needs about 30.
    pub http_requests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 128 * 1024,
            connections: 20_000,
            connections_per_address: 2_000,
            fading_addresses: 20_000,
            entries_per_minute_per_address: 600,
            rooms_per_minute_per_address: 60,
            guesses_per_minute_per_address: 60,
            passwords_per_minute_per_address: 30,
            passwords_per_minute_per_room: 20,
            password_bytes: 256,
            rooms: 5_000,
            participants: 10_000,
            participants_per_room: 100,
            name_chars: 40,
            guesses: 10,
            message_burst: 100,
            messages_per_second: 20,
            excess_messages: 200,
            tiles: 100,
            tile_side: 16_384,
            problem_pause: Duration::from_secs(10),
            view_pause: Duration::from_millis(100),
            reasons_pause: Duration::from_millis(100),
            ping_interval: Duration::from_secs(5),
            silence: Duration::from_secs(15),
            grace: Duration::from_secs(15),
            roomless: Duration::from_secs(600),
            empty_room: Duration::from_secs(600),
            turn_password: Duration::from_secs(24 * 3_600),
            host_bytes: 259,
            http_head_bytes: 16 * 1024,
            http_headers: 64,
            http_target_bytes: 4 * 1024,
            http_buffer_bytes: 128 * 1024,
            http_head_timeout: Duration::from_secs(10),
            http_idle_timeout: Duration::from_secs(60),
            http_write_timeout: Duration::from_secs(60),
            http_requests: 1_000,
        }
    }
}
