(function_definition name: (word) @name) @function
(program (variable_assignment name: (variable_name) @name) @variable)
(program (declaration_command (variable_assignment name: (variable_name) @name) @variable))

; no code
[(comment) (string_content) (raw_string) (ansi_c_string) (heredoc_content)] @text
