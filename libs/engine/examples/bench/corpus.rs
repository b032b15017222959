//! What is asked: words drawn from the text itself, and regular expressions that people write.

use anyhow::Result;
use ax_engine::Snapshot;

/// Expressions of each kind: with a literal, with short ones only, without any, common and rare.
pub const REGEXES: [&str; 20] = [
    r"kmalloc\(\w+, GFP_",
    r"\b[A-Z]+_SUSPEND\b",
    r"^static\s+int\s+\w+_probe\(",
    r"struct\s+\w+\s*\{",
    r"(?i)copyright.*intel",
    r"\w{5}\s+\w{5}\s+\w{5}\s+\w{5}",
    r"[a-z]+_[a-z]+_lock\(",
    r"0x[0-9a-f]{8}",
    r"return -E[A-Z]+;$",
    r"[A-Z]{20,}",
    r"err|warn|info",
    r"\d{3}-\d{4}",
    r"(?i)todo|fixme|xxx",
    r"^\s*$",
    r"if \(!\w+->\w+\)",
    r"(mutex|spin)_(un)?lock_irq(save|restore)?\(&",
    r"goto (err|out|fail)\w*;",
    r"[^\x00-\x7F]",
    r"\bu(8|16|32|64)\s+\w+\[\w+\];",
    r"EXPORT_SYMBOL(_GPL)?\(\w*alloc\w*\)",
];

/// Expressions whose matches may span lines.
pub const MULTI_LINE: [&str; 4] = [
    r"struct \w+_ops = \{\n\s*\.owner",
    r"(?s)kfree\(\w+\);\s+return -ENOMEM",
    r"\}\n\nmodule_init\(",
    r"#ifdef CONFIG_PM\nstatic int \w+suspend",
];

/// `num` words of 4 to 30 bytes at places spread evenly over the text, so that common ones come as
/// often as a reader meets them. The same text gives the same words.
pub fn words(snapshot: &Snapshot, num: usize) -> Result<Vec<String>> {
    let docs: Vec<_> = snapshot.documents().collect::<Result<_, _>>()?;
    let docs: Vec<_> = docs.into_iter().filter(|doc| doc.skip.is_none()).collect();
    anyhow::ensure!(!docs.is_empty(), "there is no text to draw words from");
    let mut words = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..100 * num {
        if words.len() == num {
            break;
        }
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let doc = &docs[(random >> 33) as usize % docs.len()];
        let Some(view) = snapshot.file(&doc.key, None)? else { continue };
        let text =
            String::from_utf8_lossy(view.text.as_ref().map_or(&[], Vec::as_slice)).into_owned();
        let found: Vec<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| (4..=30).contains(&word.len()))
            .collect();
        if let Some(word) = found.get((random >> 20) as usize % found.len().max(1)) {
            words.push((*word).to_owned());
        }
    }
    Ok(words)
}
