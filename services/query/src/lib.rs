//! Query node: root, leaf, HTTP and the search page.
