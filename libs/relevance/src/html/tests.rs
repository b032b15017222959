use super::*;
use crate::{ablation::ablation, baseline::compare, figures, results::tests::result};

fn results(rank: impl Fn(usize) -> u32) -> Results {
    let mut queries: Vec<_> = (0..60).map(|i| result("names", i, Some(rank(i)))).collect();
    queries[0].query = "<script>&\"x\"".to_owned();
    let parameters = [("b".to_owned(), 0.75)].into();
    Results { ax: "0.1".into(), corpus: "short".into(), num_files: 9, parameters, queries }
}

#[test]
fn everything_is_on_the_page() {
    let (before, now) = (results(|i| 1 + i as u32 % 3), results(|_| 2));
    let trial = |b: f32| Trial { moved: None, setting: [("b".to_owned(), b)].into(), score: 0.5 };
    let trials = [trial(0.5), trial(1.0)];
    let gain = Estimate { value: 0.1, low: 0.05, high: 0.15 };
    let comparison = compare(&before, &now, false).unwrap();
    let page = page(&Findings {
        results: &now,
        figures: &figures(&now.queries, Some(Half::Test)),
        half: Some(Half::Test),
        ablations: &[ablation("b", 0.75, &now.queries, &before.queries)],
        trials: &trials,
        best: Some((&trials[1].setting, gain)),
        comparison: Some(&comparison),
    });
    for part in [
        "Figures of the half for testing",
        "than the baseline",
        "Without each signal",
        "MRR by value",
        "by +0.1000 (+0.0500 … +0.1500)",
        "prefers-color-scheme:dark",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("&lt;script&gt;&amp;&quot;x&quot;") && !page.contains("<script"));
    for outside in ["http:", "https:", "url(", "@import", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("NaN"));
    assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

#[test]
fn what_is_not_there_is_left_out() {
    let now = results(|_| 2);
    let page = page(&Findings {
        results: &now,
        figures: &figures(&now.queries, None),
        half: None,
        ablations: &[],
        trials: &[],
        best: None,
        comparison: None,
    });
    assert!(page.contains("Figures of all queries") && !page.contains("<svg"));
    assert!(!page.contains("baseline"));
}
