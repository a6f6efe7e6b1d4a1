// Loaded into every function before its own code. Ends the process when the runtime is gone (kill -9): that closes this pipe.
const { Socket } = require('node:net');
new Socket({ fd: 3, readable: true, writable: false })
  .on('error', () => process.exit(1))
  .on('close', () => process.exit(1))
  .resume()
  .unref();
