'use strict';
// A server that lets a player in and places it, but never sends a chunk. Prints its port.

const { createServer } = require('minecraft-protocol');
const { loginPacket } = require('prismarine-registry')('1.21.4');

const server = createServer({ host: '127.0.0.1', port: 0, version: '1.21.4', 'online-mode': false, hideErrors: true });
server.on('connection', (client) => {
  client.on('state', (state) => {
    if (state === 'configuration') client.write('feature_flags', { features: ['minecraft:vanilla'] });
  });
});
server.on('playerJoin', (client) => {
  const worldState = { dimension: 0, name: 'minecraft:overworld', hashedSeed: [0, 0], gamemode: 'survival',
    previousGamemode: 255, isDebug: false, isFlat: false, death: undefined, portalCooldown: 0, seaLevel: 63 };
  client.write('login', { ...loginPacket, entityId: 1, isHardcore: false, viewDistance: 2, simulationDistance: 2,
    maxPlayers: 1, worldNames: ['minecraft:overworld'], worldState, dimensionCodec: undefined });
  client.write('position', { teleportId: 1, x: 0, y: 70, z: 0, dx: 0, dy: 0, dz: 0, yaw: 0, pitch: 0, flags: {} });
  client.write('update_health', { health: 20, food: 20, foodSaturation: 5 });
});
server.on('listening', () => process.stdout.write(`${server.socketServer.address().port}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
