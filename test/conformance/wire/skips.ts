/** Recordings of a Broker's delivery that are not replayed, each with its reason. */
export const skipped: Record<string, string> = {
  'broker-delivery-function-process-exits':
    'what a caller sees of a process that exits is the activator’s answer; its attempts also met a container in back-off',
  'broker-delivery-function-process-exits-each-time':
    'what a caller sees of a process that exits is the activator’s answer; its attempts also met a container in back-off',
};
