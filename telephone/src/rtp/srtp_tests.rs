use super::*;

/// The master key and salt of RFC 3711, appendix B.3.
const MASTER: [u8; 30] = [
    0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41, 0x39, 0x0E,
    0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn pair(suite: Suite) -> (Srtp, Srtp) {
    let (ours, theirs) = (MasterKey(MASTER), MasterKey::generate());
    let turned = Protection { suite, ours: theirs.clone(), theirs: ours.clone() };
    (Srtp::new(&Protection { suite, ours, theirs }).unwrap(), Srtp::new(&turned).unwrap())
}

fn packet(number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0x0F, 0, 0, 0xDE, 0xCA, 0xFB, 0xAD, 0xCA, 0xFE, 0xBA, 0xBE];
    packet[2..4].copy_from_slice(&number.to_be_bytes());
    packet.extend([0xAB; 16]);
    packet
}

/// The packet that libsrtp's `srtp_validate` checks with the keys of RFC 3711, appendix B.3: AES-CM and an HMAC-SHA1 of 80 bits.
#[test]
fn a_packet_is_protected_as_libsrtp_does() {
    let (mut ours, mut theirs) = pair(Suite::Tag80);
    let protected = ours.protect(&packet(0x1234)).unwrap();
    let expected = hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    assert_eq!(protected[..], expected[..]);
    assert_eq!(theirs.open(&protected).unwrap()[..], packet(0x1234)[..]);
}

#[test]
fn the_short_tag_is_the_beginning_of_the_long_one() {
    let long = pair(Suite::Tag80).0.protect(&packet(0x1234)).unwrap();
    let short = pair(Suite::Tag32).0.protect(&packet(0x1234)).unwrap();
    assert_eq!(short[..], long[..long.len() - 6]);
}

#[test]
fn numbers_may_turn_over_and_packets_may_be_reordered() {
    let (mut ours, mut theirs) = pair(Suite::Tag80);
    let mut protected: Vec<_> = (65_530..65_546_u32)
        .map(|number| (number as u16, ours.protect(&packet(number as u16)).unwrap()))
        .collect();
    protected.swap(3, 4);
    protected.swap(5, 7);
    for (number, bytes) in &protected {
        assert_eq!(theirs.open(bytes).unwrap()[..], packet(*number)[..], "{number}");
    }
}

#[test]
fn what_is_changed_repeated_or_under_another_key_is_refused() {
    let (mut ours, mut theirs) = pair(Suite::Tag80);
    let good = ours.protect(&packet(1)).unwrap();
    for at in 0..good.len() {
        let mut bad = good.to_vec();
        bad[at] ^= 1;
        assert!(theirs.open(&bad).is_none(), "byte {at}");
    }
    assert!(theirs.open(&good).is_some());
    assert!(theirs.open(&good).is_none(), "played back");
    assert!(pair(Suite::Tag80).0.open(&good).is_none());
    for length in 0..good.len() {
        assert!(theirs.open(&good[..length]).is_none());
    }
}

#[test]
fn a_later_description_with_the_same_keys_goes_on() {
    let (mut ours, theirs) = pair(Suite::Tag80);
    let keys = theirs.keys.clone();
    let mut theirs = theirs;
    let first = ours.protect(&packet(1)).unwrap();
    assert!(theirs.open(&first).is_some());
    let mut theirs = theirs.renew(&keys).unwrap();
    assert!(theirs.open(&first).is_none(), "still known");
    let other = Protection { theirs: MasterKey::generate(), ..keys };
    let mut theirs = theirs.renew(&other).unwrap();
    assert!(theirs.open(&ours.protect(&packet(2)).unwrap()).is_none());
}
