(module name: [(constant) @name (scope_resolution name: (constant) @name)]) @module
(class name: [(constant) @name (scope_resolution name: (constant) @name)]) @class
(method name: (_) @name) @function
(singleton_method name: (_) @name) @method
(alias name: (_) @name) @method
(assignment left: (constant) @name) @constant

; no code
[(comment) (string_content) (heredoc_content) (character)] @text
(interpolation) @code
