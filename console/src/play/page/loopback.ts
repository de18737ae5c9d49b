/** Whether a host, as addresses of pages name it, is the computer itself, whoever asks. */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(host)
}
