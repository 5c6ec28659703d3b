//! Pictures in other codecs than VP8.

use std::ffi::OsStr;

use serde_json::Value;
use tsuji_tests::support::{Brand, Guest, MIO, Portrait};

use crate::{House, MEETING, all_meet};

async fn house_of(codec: &str) -> House {
    House::open_with(&MIO, &[OsStr::new("--video-codec"), OsStr::new(codec)]).await
}

/// Two people see and hear each other in this codec. Who has a camera that is large enough sends it in
/// three sizes.
async fn meet_in(codec: &str, name: &str) {
    let house = house_of(codec).await;
    let large = Guest::with_test_picture("Ada").await;
    let small = house.guest(0).await;
    let link = large.create_room(&house.home(), "").await;
    small.join(&link).await;
    for (guest, other) in [(&large, &small), (&small, &large)] {
        guest.meets(&other.name, MEETING).await;
        let is_it = format!("now.codec === 'video/{name}'");
        guest.sees(&other.name, &is_it).await;
    }
    let look = "state.sizes = await witness.sizesSent(); return state.sizes.join() === 'f,h,q'";
    large.until("three sizes", look, Value::Null).await;
    house.close([large, small]).await;
}

#[tokio::test]
async fn people_meet_in_h264() {
    meet_in("h264", "H264").await;
}

#[tokio::test]
async fn people_meet_in_vp9() {
    meet_in("vp9", "VP9").await;
}

#[tokio::test]
async fn people_meet_in_av1() {
    meet_in("av1", "AV1").await;
}

/// Chromium repeats each packet of sound in the next one (RFC 2198). Firefox knows no such thing.
#[tokio::test]
async fn sound_that_comes_twice_is_heard_by_who_takes_it_once() {
    let house = House::open(&MIO).await;
    let (link, [mika, ren]) = house.party::<2>("").await;
    let fox = Guest::arrive(Brand::Firefox, &Portrait::ALL[2]).await;
    fox.join(&link).await;
    let guests = [mika, ren, fox];
    all_meet(&guests).await;
    for guest in &guests {
        let agreed =
            "return (tsuji.peer.localDescription.sdp.includes(' red/48000') === args) && 'so'";
        let is_chromium = guest.brand() == Brand::Chromium;
        guest.until("an answer", agreed, is_chromium.into()).await;
    }
    house.close(guests).await;
}

/// Debian's Firefox has no H.264: it sends VP8, which all have, and says why it does not see what comes
/// in H.264.
#[tokio::test]
async fn who_can_not_decode_what_others_send_is_told_so() {
    let house = house_of("h264").await;
    let fox = Guest::arrive(Brand::Firefox, &Portrait::ALL[0]).await;
    let other = Guest::arrive(Brand::Chromium, &Portrait::ALL[1]).await;
    let link = other.create_room(&house.home(), "").await;
    fox.join(&link).await;
    other.meets(&fox.name, MEETING).await;
    other.sees(&fox.name, "now.codec === 'video/VP8'").await;
    fox.read("This browser cannot show this picture").await;
    fox.sees(&other.name, "now.energy > first.energy").await;
    house.close([fox, other]).await;
}

/// Opus with in-band error correction and discontinuous transmission (RFC 7587, 6.1): each browser is told
/// that the other side wants both, and wants the former itself. So a microphone that hears nothing sends
/// few packets, and is heard again afterwards.
#[tokio::test]
async fn speech_is_corrected_and_silence_is_not_sent() {
    let house = House::open(&MIO).await;
    let (_, guests) = house.party::<2>("").await;
    all_meet(&guests).await;
    for guest in &guests {
        let asked = "const section = ({ sdp }, mid) => sdp.split(/^(?=m=)/m).find((part) => part.includes(`a=mid:${mid}\\r`));
            const settings = (part) => /^a=fmtp:111 (.*)/m.exec(part)?.[1].split(';') ?? [];
            const { publish, slots } = witness.heard.findLast(({ type }) => type === 'offer');
            const { mid } = slots.find(({ kind }) => kind === 'audio');
            const encoder = settings(section(tsuji.peer.remoteDescription, publish.audio));
            const decoder = settings(section(tsuji.peer.localDescription, mid));
            state.seen = { encoder, decoder };
            return encoder.includes('useinbandfec=1') && encoder.includes('usedtx=1') && decoder.includes('useinbandfec=1');";
        guest.until("settings of Opus", asked, Value::Null).await;
    }
    let [mika, ren] = &guests;
    let silent = "const { publish } = witness.heard.findLast(({ type }) => type === 'offer');
        const sender = tsuji.peer.getTransceivers().find(({ mid }) => mid === publish.audio).sender;
        sender.track.enabled = args;
        return true;";
    mika.until("silence", silent, false.into()).await;
    let few = "const stats = [...(await tsuji.peer.getStats()).values()];
        const sound = stats.find(({ type, kind, packetsSent }) => type === 'outbound-rtp' && kind === 'audio' && packetsSent > 0);
        state.looks = [...(state.looks ?? []), [sound.timestamp, sound.packetsSent]].slice(-41);
        const [[from, before], [to, after]] = [state.looks[0], state.looks.at(-1)];
        state.rate = (1_000 * (after - before)) / (to - from);
        return state.looks.length === 41 && state.rate < 10 && state.rate;";
    let rate = mika
        .until("less than ten packets a second", few, Value::Null)
        .await;
    eprintln!("{} sends {rate} packets of silence a second", mika.name);
    mika.until("sound", silent, true.into()).await;
    ren.meets(&mika.name, MEETING).await;
    house.close(guests).await;
}
