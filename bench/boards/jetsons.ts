import { hwmonChip, iioChip, type Tree, zones } from './tree.js';

/**
 * Jetson boards as files of /sys and /var, and lines of their tegrastats. The layouts are from what is cited here;
 * the numbers are ours. **Unseen on hardware**: `seen` says when somebody has held one to a board of its kind.
 *
 * - hwmon attributes of the INA3221: Linux, Documentation/hwmon/ina3221.rst
 * - rails of JetPack 5 and 6: NVIDIA's device-tree patches "Add power-sensors for Tegra234 boards" and "… Tegra194"
 *   (tegra234-p3701.dtsi, tegra234-p3767.dtsi, tegra194-p2888.dtsi, tegra194-p3668.dtsi), linux-tegra, 2023-09
 * - rails of JetPack 4: Tegra Linux Driver Package Development Guide 32.7.5, "Power Management for Jetson Xavier NX
 *   Series and Jetson AGX Xavier Series Devices" and "… Jetson Nano Devices"; energymon, jetson/JetsonPowerRails.md
 * - zones: tegra234.dtsi (cpu-thermal, cv0-thermal, …) for JetPack 6; "CPU-therm", "PMIC-Die", "Tboard_tegra" before
 * - GPU: /sys/class/devfreq/17000000.{gv11b,ga10b,gpu}, 57000000.gpu, as jetson_stats (jtop/core/gpu.py) reads it
 * - nvpmodel: /var/lib/nvpmodel/status, "pmode:0002"
 * - tegrastats: NVIDIA's Developer Guide, "tegrastats Utility"; lines of each kind in the tests of DataDog's agent
 *   (pkg/collector/corechecks/nvidia/jetson/jetson_test.go)
 */
export interface Jetson {
  name: string;
  seen: false | string;
  tree: Tree;
  tegrastats: string;
  expected: {
    rails: Record<string, number>;
    totalW: number;
    zones: Record<string, number>;
    gpu_percent: number;
    gpu_mhz: number;
    power_mode: number;
  };
}

const gpu = (name: string, load: number, hz: number): Tree => ({
  [`sys/class/devfreq/${name}/device/load`]: load,
  [`sys/class/devfreq/${name}/cur_freq`]: hz,
});
const mode = (number: number): Tree => ({
  'var/lib/nvpmodel/status': `pmode:${String(number).padStart(4, '0')}`,
});

/** Both chips of an AGX Orin; the second has one rail, the others are not connected. */
const orinChips = {
  ...hwmonChip(3, {
    1: ['VDD_GPU_SOC', 20_000, 500],
    2: ['VDD_CPU_CV', 20_000, 190],
    3: ['VIN_SYS_5V0', 5_000, 1_000],
  }),
  ...hwmonChip(4, { 1: ['NC', 0, 0], 2: ['VDDQ_VDD2_1V8AO', 5_000, 300], 3: ['NC', 0, 0] }),
};
const orinRails = {
  rails: { VDD_GPU_SOC: 10, VDD_CPU_CV: 3.8, VIN_SYS_5V0: 5, VDDQ_VDD2_1V8AO: 1.5 },
  totalW: 18.8,
};

export const jetsons: Jetson[] = [
  {
    name: 'AGX Orin, JetPack 5',
    seen: false,
    tree: {
      'sys/class/hwmon/hwmon0/name': 'nvme',
      ...orinChips,
      ...gpu('17000000.ga10b', 145, 624_750_000),
      ...zones({
        'CPU-therm': 45.5,
        'GPU-therm': 44,
        'CV0-therm': -256,
        'SOC0-therm': 43.25,
        'tj-therm': 46,
        Tboard_tegra: 35,
      }),
      ...mode(2),
    },
    tegrastats:
      '10-16-2026 10:59:22 RAM 1205/30623MB (lfb 6429x4MB) SWAP 0/15311MB (cached 0MB) CPU [0%@729,1%@729,off,off] EMC_FREQ 3%@2133 GR3D_FREQ 14%@624 GR3D2_FREQ 0%@114 NVJPG1 729 VIC_FREQ 729 APE 233 CV0@-256C CPU@45.5C Tboard@35C SOC0@43.25C CV1@-256C GPU@44C tj@46C VDD_GPU_SOC 10000mW/9000mW VDD_CPU_CV 3800mW/3500mW VIN_SYS_5V0 5000mW/4900mW NC 0mW/0mW VDDQ_VDD2_1V8AO 1500mW/1400mW NC 0mW/0mW',
    expected: {
      ...orinRails,
      zones: { CPU: 45.5, GPU: 44, SOC0: 43.25, tj: 46, Tboard: 35 },
      gpu_percent: 14.5,
      gpu_mhz: 624.75,
      power_mode: 2,
    },
  },
  {
    name: 'AGX Orin, JetPack 6',
    seen: false,
    tree: {
      ...orinChips,
      ...hwmonChip(5, { 1: ['CVB_ATX_12V', 12_000, 100], 2: ['CVB_ATX_3V3', 3_300, 100] }), // Of the carrier board.
      ...gpu('17000000.gpu', 1000, 1_300_500_000),
      ...zones({ 'cpu-thermal': 52.5, 'gpu-thermal': 51, 'soc0-thermal': 49, 'tj-thermal': 52.75 }),
      ...mode(0),
    },
    tegrastats:
      '05-09-2026 18:42:06 RAM 18207/62841MB (lfb 466x4MB) SWAP 86/31420MB (cached 0MB) CPU [14%@2188,5%@2112] EMC_FREQ 3%@2133 GR3D_FREQ 100%@[1300,1300] NVENC off NVDEC off VIC 36%@115 PVA0_FREQ off APE 174 cpu@52.5C gpu@51C soc0@49C tj@52.75C VDD_GPU_SOC 10000mW/9000mW VDD_CPU_CV 3800mW/3500mW VIN_SYS_5V0 5000mW/4900mW VDDQ_VDD2_1V8AO 1500mW/1400mW',
    expected: {
      rails: { ...orinRails.rails, CVB_ATX_12V: 1.2, CVB_ATX_3V3: 0.33 },
      totalW: 18.8,
      zones: { cpu: 52.5, gpu: 51, soc0: 49, tj: 52.75 },
      gpu_percent: 100,
      gpu_mhz: 1300.5,
      power_mode: 0,
    },
  },
  {
    name: 'Orin NX and Orin Nano, JetPack 5 and 6',
    seen: false,
    tree: {
      ...hwmonChip(1, {
        1: ['VDD_IN', 5_000, 2_000],
        2: ['VDD_CPU_GPU_CV', 5_000, 800],
        3: ['VDD_SOC', 5_000, 300],
      }),
      ...gpu('17000000.gpu', 0, 305_000_000),
      ...zones({ 'cpu-thermal': 46.5, 'tj-thermal': 48.75 }),
      ...mode(1),
    },
    tegrastats:
      '11-30-2026 13:26:01 RAM 2461/7620MB (lfb 3x2MB) SWAP 1243/3810MB (cached 5MB) CPU [19%@729,14%@729] EMC_FREQ 4%@2133 GR3D_FREQ 0%@[305] NVDEC off NVJPG off VIC off OFA off APE 200 cpu@46.5C tj@48.75C VDD_IN 10000mW/5704mW VDD_CPU_GPU_CV 4000mW/831mW VDD_SOC 1500mW/1624mW',
    expected: {
      rails: { VDD_IN: 10, VDD_CPU_GPU_CV: 4, VDD_SOC: 1.5 },
      totalW: 10,
      zones: { cpu: 46.5, tj: 48.75 },
      gpu_percent: 0,
      gpu_mhz: 305,
      power_mode: 1,
    },
  },
  {
    name: 'AGX Xavier, JetPack 4',
    seen: false,
    tree: {
      ...iioChip('1-0040', 0, [
        ['GPU', 18_400],
        ['CPU', 2_300],
        ['SOC', 4_600],
      ]),
      ...iioChip('1-0041', 1, [
        ['CV', 0],
        ['VDDRQ', 2_900],
        ['SYS5V', 4_600],
      ]),
      ...gpu('17000000.gv11b', 950, 1_377_000_000),
      ...zones({
        'AO-therm': 48,
        'CPU-therm': 49,
        'GPU-therm': 54.5,
        'PMIC-Die': 100,
        Tboard_tegra: 47,
        'thermal-fan-est': 49.5,
      }),
      ...mode(0),
    },
    tegrastats:
      'RAM 10881/31919MB (lfb 4230x4MB) SWAP 0/15959MB (cached 0MB) CPU [17%@1190,off] EMC_FREQ 55%@2133 GR3D_FREQ 95%@1377 APE 150 MTS fg 0% bg 10% AO@48C GPU@54.5C PMIC@100C CPU@49C thermal@49.5C Tboard@47C GPU 18400/18525 CPU 2300/2330 SOC 4600/4602 CV 0/0 VDDRQ 2900/2911 SYS5V 4600/4620',
    expected: {
      rails: { GPU: 18.4, CPU: 2.3, SOC: 4.6, CV: 0, VDDRQ: 2.9, SYS5V: 4.6 },
      totalW: 32.8,
      zones: { AO: 48, CPU: 49, GPU: 54.5, Tboard: 47, 'thermal-fan-est': 49.5 },
      gpu_percent: 95,
      gpu_mhz: 1377,
      power_mode: 0,
    },
  },
  {
    name: 'AGX Xavier, JetPack 5',
    seen: false,
    tree: {
      ...hwmonChip(3, { 1: ['GPU', 19_000, 100], 2: ['CPU', 19_000, 50], 3: ['SOC', 19_000, 60] }),
      ...hwmonChip(4, { 1: ['CV', 19_000, 0], 2: ['VDDRQ', 19_000, 20], 3: ['SYS5V', 5_000, 500] }),
      ...gpu('17000000.gv11b', 0, 318_750_000),
      ...zones({ 'CPU-therm': 46, 'GPU-therm': 46, Tdiode_tegra: 47, 'PMIC-Die': 50 }),
      ...mode(7),
    },
    tegrastats:
      '01-02-2026 03:04:05 RAM 940/14887MB (lfb 3251x4MB) SWAP 0/7443MB (cached 0MB) CPU [1%@1190,0%@1190] EMC_FREQ 0%@1331 GR3D_FREQ 0%@318 VIC_FREQ 115 APE 150 CPU@46C GPU@46C Tdiode@47C PMIC@50C GPU 1900mW/1900mW CPU 950mW/950mW SOC 1140mW/1140mW CV 0mW/0mW VDDRQ 380mW/380mW SYS5V 2500mW/2500mW',
    expected: {
      rails: { GPU: 1.9, CPU: 0.95, SOC: 1.14, CV: 0, VDDRQ: 0.38, SYS5V: 2.5 },
      totalW: 6.87,
      zones: { CPU: 46, GPU: 46, Tdiode: 47 },
      gpu_percent: 0,
      gpu_mhz: 318.75,
      power_mode: 7,
    },
  },
  {
    name: 'Xavier NX, JetPack 4',
    seen: false,
    tree: {
      ...iioChip('7-0040', 0, [
        ['VDD_IN', 4_067],
        ['VDD_CPU_GPU_CV', 738],
        ['VDD_SOC', 1_353],
      ]),
      ...gpu('17000000.gv11b', 620, 306_000_000),
      ...zones({ 'CPU-therm': 43.5, 'GPU-therm': 43, 'PMIC-Die': 100 }),
      ...mode(2),
    },
    tegrastats:
      'RAM 4412/7772MB (lfb 237x4MB) SWAP 139/3886MB (cached 2MB) CPU [9%@1190,6%@1190] EMC_FREQ 10%@1600 GR3D_FREQ 62%@306 APE 150 MTS fg 0% bg 0% GPU@43C PMIC@100C CPU@43.5C VDD_IN 4067/4000 VDD_CPU_GPU_CV 738/700 VDD_SOC 1353/1300',
    expected: {
      rails: { VDD_IN: 4.067, VDD_CPU_GPU_CV: 0.738, VDD_SOC: 1.353 },
      totalW: 4.067,
      zones: { CPU: 43.5, GPU: 43 },
      gpu_percent: 62,
      gpu_mhz: 306,
      power_mode: 2,
    },
  },
  {
    name: 'Xavier NX, JetPack 5',
    seen: false,
    tree: {
      ...hwmonChip(6, {
        1: ['VDD_IN', 5_080, 1_000],
        2: ['VDD_CPU_GPU_CV', 5_080, 100],
        3: ['VDD_SOC', 5_080, 200],
      }),
      ...gpu('17000000.gv11b', 10, 510_000_000),
      ...zones({ 'CPU-therm': 39.5, 'GPU-therm': 37.5, 'PMIC-Die': 50 }),
      ...mode(8),
    },
    tegrastats:
      '01-02-2026 03:04:05 RAM 2690/6854MB (lfb 6x1MB) SWAP 479/3427MB (cached 3MB) CPU [3%@1904,7%@1906,off,off] EMC_FREQ 0%@1600 GR3D_FREQ 1%@[510] VIC_FREQ 601 APE 150 CPU@39.5C GPU@37.5C PMIC@50C VDD_IN 5080mW/5079mW VDD_CPU_GPU_CV 508mW/508mW VDD_SOC 1016mW/1016mW',
    expected: {
      rails: { VDD_IN: 5.08, VDD_CPU_GPU_CV: 0.508, VDD_SOC: 1.016 },
      totalW: 5.08,
      zones: { CPU: 39.5, GPU: 37.5 },
      gpu_percent: 1,
      gpu_mhz: 510,
      power_mode: 8,
    },
  },
  {
    name: 'Nano, JetPack 4',
    seen: false,
    tree: {
      ...iioChip('6-0040', 0, [
        ['POM_5V_IN', 4_520],
        ['POM_5V_GPU', 0],
        ['POM_5V_CPU', 1_078],
      ]),
      ...gpu('57000000.gpu', 0, 76_800_000),
      ...zones({ 'AO-therm': 65, 'CPU-therm': 60.5, 'PMIC-Die': 100 }),
      ...mode(0),
    },
    tegrastats:
      'RAM 1180/3965MB (lfb 1x2MB) SWAP 149/1024MB (cached 7MB) IRAM 0/252kB(lfb 252kB) CPU [30%@1036,33%@1036] EMC_FREQ 10%@1600 GR3D_FREQ 0%@76 NVENC 716 NVDEC 716 APE 25 CPU@60.5C PMIC@100C AO@65C POM_5V_IN 4520/4680 POM_5V_GPU 0/0 POM_5V_CPU 1078/1205',
    expected: {
      rails: { POM_5V_IN: 4.52, POM_5V_GPU: 0, POM_5V_CPU: 1.078 },
      totalW: 4.52,
      zones: { AO: 65, CPU: 60.5 },
      gpu_percent: 0,
      gpu_mhz: 76.8,
      power_mode: 0,
    },
  },
];

const line = 'RAM 1/2MB EMC_FREQ 4%@2133 GR3D_FREQ 25%@[305] cpu@46.5C';

/** A board with a sensor of every kind: an AGX Orin on a battery, whose GPU and memory tegrastats alone tells. */
export const everySensor: Tree = {
  ...orinChips,
  ...zones({ 'cpu-thermal': 45.5, 'tj-thermal': 51 }),
  ...mode(2),
  'usr/bin/tegrastats': `#!/bin/sh\nwhile :; do echo '${line}'; sleep 0.1; done`,
  'sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq': 2_188_800,
  'proc/meminfo': 'MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB',
  'proc/diskstats': ' 259 0 nvme0n1 1 0 1 1 1 0 1 1 0 1 1',
  'proc/net/dev': ' face |bytes\n eth0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0',
  'sys/class/power_supply/BAT0/type': 'Battery',
  'sys/class/power_supply/BAT0/capacity': 80,
};
