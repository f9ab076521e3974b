import { fork } from 'node:child_process';
const [dir,method,T,threads,rounds]=process.argv.slice(2) as [string,string,string,string,string];
const start=(root:string,file:string)=>{const c=fork(file,[root,dir,method,T,threads],{execArgv:[]});return {next:()=>new Promise<number>(r=>c.once('message',r as any)),ask(){const p=this.next();c.send({});return p},kill:()=>c.kill()}};
const a=start('/tmp/before','/tmp/before/step_server.ts');await a.next();
const b=start('/work/wt/memory',new URL('zz_step_server.ts',import.meta.url).pathname);await b.next();
const f=[await a.ask(),await b.ask()];
const ra:number[]=[],A:number[]=[],B:number[]=[];
for(let i=0;i<Number(rounds);i++){const x=await a.ask();const y=await b.ask();A.push(x);B.push(y);ra.push(y/x);}
const med=(v:number[])=>v.toSorted((p,q)=>p-q)[v.length>>1]!;
console.log(dir.split('/').at(-1),method,T,'threads',threads,'first',f.map(Math.round).join(' → '),'median',med(A).toFixed(1),'→',med(B).toFixed(1),'min',Math.min(...A).toFixed(1),'→',Math.min(...B).toFixed(1),'ratio',med(ra).toFixed(3));
a.kill();b.kill();
