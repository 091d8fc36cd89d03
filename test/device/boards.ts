/** Arm cores that are online, as Linux shows them: made from the kernel's layout, unseen on hardware. */
export function armCores(part: string, cores: number, maxMhz?: number): Record<string, string | number> {
  const each = Array.from({ length: cores }, (_, i) => i);
  const cpuinfo = each.map(
    (i) => `processor\t: ${i}\nBogoMIPS\t: 62.50\nCPU implementer\t: 0x41\nCPU part\t: ${part}\n`,
  );
  const clock = (i: number) => `sys/devices/system/cpu/cpu${i}/cpufreq/scaling_max_freq`;
  const clocks = maxMhz === undefined ? [] : each.map((i) => [clock(i), maxMhz * 1000] as const);
  return { 'proc/cpuinfo': cpuinfo.join('\n'), ...Object.fromEntries(clocks) };
}
