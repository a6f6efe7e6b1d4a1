-- What Redis gives its scripts: Lua 5.1 without what reaches outside.
std = 'lua51'
not_globals = {
  'arg', 'collectgarbage', 'debug', 'dofile', 'getfenv', 'io', 'loadfile', 'module', 'newproxy', 'os', 'package', 'print', 'require',
}
read_globals = { 'KEYS', 'ARGV', redis = { fields = { 'call', 'pcall', 'error_reply', 'status_reply' } } }
max_line_length = 130
