export function controls() {}
