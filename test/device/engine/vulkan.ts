import { existsSync } from 'node:fs';
import { keepProvider } from '../../../device/engine/provider.js';

/** Where Debian's chromium-common puts a Vulkan device made of software (SwiftShader). */
const software = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Why WebGPU can't be had here, or false. A machine without a GPU takes the software device where it is installed. */
export async function withoutVulkan(): Promise<string | false> {
  if (!process.env.VK_ICD_FILENAMES && existsSync(software)) process.env.VK_ICD_FILENAMES = software;
  try {
    await keepProvider('webgpu'); // Not released: the tests of a file share what is compiled.
    return false;
  } catch (error) {
    return `no Vulkan device (Debian: chromium-common, libvulkan1): ${(error as Error).message}`;
  }
}
