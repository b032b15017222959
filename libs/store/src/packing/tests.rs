use super::*;
use proptest::prelude::*;

const ZSTD: Compression = Compression::Zstd { level: 3 };

/// `bytes` as the store packs them, in frames of `frame_bytes`.
fn packed(bytes: &[u8], frame_bytes: usize) -> Vec<u8> {
    let frames = bytes.chunks(frame_bytes).map(Bytes::copy_from_slice);
    frames.flat_map(|chunk| ZSTD.pack(chunk).unwrap()).collect()
}

/// What `packed` unpacks to when it arrives in pieces of `piece_bytes`.
fn unpacked(packed: &[u8], piece_bytes: usize) -> Result<Vec<u8>, StoreError> {
    let (mut unpacker, mut bytes) = (Unpacker::new("it")?, Vec::new());
    for piece in packed.chunks(piece_bytes) {
        unpacker.unpack(piece, |more| {
            bytes.extend_from_slice(more);
            Ok(())
        })?;
    }
    Ok(bytes)
}

fn text(num_bytes: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|n| format!("static int line_{n}(void);\n").into_bytes());
    lines.take(num_bytes).collect()
}

proptest! {
    #[test]
    fn what_is_packed_comes_back(
        noise in prop::collection::vec(any::<u8>(), 0..2_000),
        repeat in 1usize..50,
        frame in 1usize..3_000,
        piece in 1usize..3_000,
    ) {
        let bytes = noise.repeat(repeat);
        prop_assert_eq!(unpacked(&packed(&bytes, frame), piece).unwrap(), bytes);
    }

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let frame = [&[0x28, 0xb5, 0x2f, 0xfd][..], &bytes].concat();
        for bytes in [bytes, frame] {
            if let Ok(unpacked) = unpack_all("it", &bytes, 1_000) {
                prop_assert!(unpacked.len() <= 1_000);
            }
        }
    }
}

#[test]
fn output_that_just_fills_a_step_is_complete() {
    for num_bytes in [STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES] {
        let bytes = text(num_bytes);
        assert!(unpacked(&packed(&bytes, FRAME_BYTES), 1 << 20).unwrap() == bytes, "{num_bytes}");
    }
}

#[test]
fn text_takes_less_room() {
    let bytes = text(1 << 20);
    assert!(packed(&bytes, FRAME_BYTES).len() < bytes.len() / 2);
    assert_eq!(Compression::None.pack(bytes.clone().into()).unwrap(), bytes);
}

/// 1 GiB of zeros in some 32 KiB: the sink decides how much of it is ever made.
#[test]
fn frames_that_unpack_to_too_much_end_where_the_sink_does() {
    let zeros = Bytes::from(vec![0; FRAME_BYTES]);
    let bomb = ZSTD.pack(zeros).unwrap().repeat(256);
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    let mut num_bytes = 0;
    let error = Unpacker::new("it").unwrap().unpack(&bomb, |piece| {
        num_bytes += piece.len();
        match num_bytes > 1_000_000 {
            true => Err(StoreError::wrong_size("it", 1_000_000, num_bytes as u64)),
            false => Ok(()),
        }
    });
    assert!(matches!(error, Err(StoreError::SegmentCorrupt { .. })), "{error:?}");
    assert!(num_bytes <= 1_000_000 + STEP_BYTES, "{num_bytes}");
    let error = unpack_all("it", &bomb, 1_000_000);
    assert!(matches!(error, Err(StoreError::SegmentCorrupt { .. })), "{error:?}");
}

/// A frame's header may ask for a window of gigabytes.
#[test]
fn a_window_that_is_too_large_is_refused() {
    use std::io::Write as _;
    use zstd::stream::{Encoder, raw::CParameter};
    let written = |window_log| {
        let mut encoder = Encoder::new(Vec::new(), 1).unwrap();
        encoder.set_parameter(CParameter::WindowLog(window_log)).unwrap();
        encoder.write_all(&text(100_000)).unwrap(); // of no length that is known before
        encoder.finish().unwrap()
    };
    assert!(unpacked(&written(MAX_WINDOW_LOG), 1_000).unwrap() == text(100_000));
    let error = unpacked(&written(MAX_WINDOW_LOG + 1), 1_000);
    assert!(matches!(error, Err(StoreError::SegmentCorrupt { .. })), "{error:?}");
}
